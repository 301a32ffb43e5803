"""What the estimators of `fastbp.sklearn` are made of: one idea a module."""
