"""What a question leaves behind: its tables on the screen, in Markdown and, with every number, in JSON."""

import json

import fastbp
from benchmarks import common, peers


class Report:
    """Collects the answer to one question, prints it as it comes, and writes it to a folder.

    Parameters
    ----------
    name : str
        Of the files.
    question : str
        In one sentence.
    header : str
        Lines about machine and versions, from `common.header`.
    method : str
        In one sentence: what is measured how.
    """

    def __init__(self, name, question, header, method):
        self.name = name
        self.question = question
        self.header = header
        self.method = method
        self.notes = []
        self.tables = []
        self.pictures = []
        self.rows = []
        print(f"{question}\n{header}\n{method}")

    def note(self, text):
        """Say something that the reader of the numbers must know, once."""
        if text not in self.notes:
            self.notes.append(text)
            print(text)

    def add(self, **row):
        """Keep one line of numbers for the JSON file."""
        self.rows.append(row)
        return row

    def table(self, title, headings, rows):
        self.tables.append((title, headings, rows))
        print(f"\n{title}\n{common.table(headings, rows)}", flush=True)

    def picture(self, file):
        """Show a picture, which is in the folder that `write` will get, below the notes."""
        self.pictures.append(file)

    def write(self, folder):
        """Write NAME.md and NAME.json."""
        folder.mkdir(parents=True, exist_ok=True)
        parts = [f"# {self.question}", "  \n".join(self.header.splitlines()), self.method]
        if self.notes:
            parts.append("\n".join(f"- {note}" for note in self.notes))
        parts += [f"![{self.question}]({file})" for file in self.pictures]
        for title, headings, rows in self.tables:
            parts += [f"## {title}", common.markdown_table(headings, rows)]
        (folder / f"{self.name}.md").write_text("\n\n".join(parts) + "\n", encoding="utf-8")
        content = {
            "question": self.question,
            "machine": self.header.splitlines(),
            "method": self.method,
            "notes": self.notes,
            "rows": self.rows,
        }
        (folder / f"{self.name}.json").write_text(json.dumps(content, indent=1) + "\n", encoding="utf-8")
        print(f"\nwritten: {folder / self.name}.md and .json", flush=True)


def begin(name, description, method, options, *, only=None, one_core=True):
    """Pin the process, import the peers, and open a report that says so.

    Parameters
    ----------
    name : str
        Of the report's files.
    description : str
        The question is its first line.
    method : str
    options : argparse.Namespace
        From `common.parse`.
    only : sequence of str, optional
        The peers that the question is about; all by default.
    one_core : bool
        False where threads are the question: the process is then not pinned.

    Returns
    -------
    Report
    dict of str to module
        The peers that are installed, by name.
    """
    core = common.pin_to_one_core() if one_core else None
    modules, notes = peers.load(options.without, only)
    header = f"{common.header(peers.packages(modules), core)}\nfastbp runs its kernels for {fastbp.get_target()}"
    report = Report(name, description.splitlines()[0], header, method)
    for note in notes:
        report.note(note)
    return report, modules
