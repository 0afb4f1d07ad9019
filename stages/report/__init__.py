"""What people read: yield and quality of translations, prompts compared, the report with its alarms, the generated parts of
README and docs, and the check of a rebuild against the committed one. Figures come from the artifacts of other stages; none
is computed twice or typed by hand.
"""
