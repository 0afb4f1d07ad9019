"""A project of one's own: a folder with its own data, label tables, prompts, `params.yaml` and small `dvc.yaml`, whose stages
are those of this repository. Nothing is translated, checked or counted here: `compose` picks stages out of the house's
`dvc.yaml`, `folder` lays the folder out and links it to the code, `translate` and `new` are the commands, `run` asks for what
it costs and hands over to DVC. The one stage of this room is the reading sheet, which own data needs as they have no references.
"""
