"""Croissant metadata of a data release (mlcommons.org/croissant/1.0): its files with their hashes, and its fields.

`extractions` are nested, which Croissant's fields cannot say as Parquet has them: they are described in the linear form, `output`.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from stages.release.card import FIELDS, Release, citation

CROISSANT = "croissant.json"
MIME = {"parquet": "application/x-parquet", "json": "application/json"}
# The official context of Croissant 1.0.
PREFIXED = (
    "citeAs", "column", "equivalentProperty", "extract", "field", "fileProperty", "fileObject", "fileSet", "format", "includes",
    "isLiveDataset", "jsonPath", "key", "md5", "parentField", "path", "recordSet", "references", "regex", "repeated", "replace",
    "samplingRate", "separator", "source", "subField", "transform",
)  # fmt: skip
CONTEXT: dict[str, Any] = {
    "@language": "en",
    "@vocab": "https://schema.org/",
    "conformsTo": "dct:conformsTo",
    "cr": "http://mlcommons.org/croissant/",
    "data": {"@id": "cr:data", "@type": "@json"},
    "dataType": {"@id": "cr:dataType", "@type": "@vocab"},
    "dct": "http://purl.org/dc/terms/",
    "examples": {"@id": "cr:examples", "@type": "@json"},
    "rai": "http://mlcommons.org/croissant/RAI/",
    "sc": "https://schema.org/",
    **{word: f"cr:{word}" for word in PREFIXED},
}


def record_set(name: str, split: str) -> tuple[dict[str, Any], dict[str, Any]]:
    """(files, fields) of one split of one set."""
    place = f"{name}-{split}"
    files = {
        "@type": "cr:FileSet",
        "@id": f"{place}-files",
        "name": f"{place}-files",
        "encodingFormat": MIME["parquet"],
        "includes": f"{name}/*/*/{split}.parquet",
    }
    fields = [
        {
            "@type": "cr:Field",
            "@id": f"{place}/{field}",
            "name": field,
            "description": said,
            "dataType": "sc:Text",
            "source": {"fileSet": {"@id": files["@id"]}, "extract": {"column": field}},
        }
        for field, said in FIELDS.items()
    ]
    return files, {"@type": "cr:RecordSet", "@id": place, "name": place, "field": fields}


def metadata(release: Release, hashes: Mapping[str, str]) -> dict[str, Any]:
    """The JSON-LD of a release whose files have these SHA-256, by path."""
    cited = citation()
    parts = sorted({(name, split) for name, split, _ in release.rows})
    sets = [record_set(name, split) for name, split in parts]
    files = [
        {
            "@type": "cr:FileObject",
            "@id": path,
            "name": path,
            "contentUrl": path,
            "encodingFormat": MIME[path.rsplit(".", 1)[1]],
            "sha256": digest,
        }
        for path, digest in sorted(hashes.items())
    ]
    return {
        "@context": CONTEXT,
        "@type": "sc:Dataset",
        "conformsTo": "http://mlcommons.org/croissant/1.0",
        "name": cited["title"].split(":")[0] + "-data",
        "description": " ".join(cited["abstract"].split()),
        "version": cited["version"],
        "license": sorted({part.licence.url or part.licence.name for part in release.parts}),
        "creator": [
            {"@type": "Organization", "name": author["name"]} for author in cited["authors"] if "name" in author
        ],
        "url": cited.get("url") or cited["references"][0]["url"],
        "citeAs": f"{cited['references'][0]['title']}, {cited['references'][0]['url']}",
        "inLanguage": sorted({record["lang"] for _, _, record in release.rows}),
        **({"datePublished": str(cited["date-released"])} if "date-released" in cited else {}),
        "distribution": [*files, *(files for files, _ in sets)],
        "recordSet": [fields for _, fields in sets],
    }
