"""MMM: the stages of the pipeline (`python -m stages.<name>`) and the library they share."""
