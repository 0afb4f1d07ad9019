"""From records to what a model trains on and is tested on: the split by group, the mix in the linear format, and the checks of
the result for leaks, near-duplicates and imbalance. The test set is frozen: nothing here may change which records are in it,
nor their bytes.
"""
