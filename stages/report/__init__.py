"""What people read: yield and quality of translations, prompts compared, the report as Markdown and as one page with every
record, the life of one record, the generated parts of README and docs, and the check of a rebuild against the committed one.
Figures come from the artifacts of other stages; none is computed twice or typed by hand. Templates lie beside their code.
"""
