"""What predictions are worth: the scorer (docs/scoring.md is its specification), intervals and paired tests by bootstrap over
texts, error analysis, other projects' scoring rules, and the baselines that are scored beside the model. The scorer imports
neither torch nor openai, and a change of it changes every published score.
"""
