"""Make standardized.json: what scikit-learn reaches on raw tables with its StandardScaler.

    python -m tests.data.make_standardized

Written with scikit-learn 1.9.1.
"""

import json
from pathlib import Path

from tests.raw_tables import CASES, score_of_pipeline

scores = {name: sum(score_of_pipeline(name, seed) for seed in range(5)) / 5 for name in CASES}
Path(__file__).with_name("standardized.json").write_text(json.dumps(scores, indent=1) + "\n", encoding="utf-8")
