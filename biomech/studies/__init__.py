"""The questions a model is asked: each study turns a model and a motion into records of arrays."""
