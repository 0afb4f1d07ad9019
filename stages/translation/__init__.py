"""From source records to kept records of another language: text classes and the glossary of open labels, the prompts' two
forms (listed and tagged), the projection of spans into the translation, and the filter with its ledger. Every source record
gets exactly one line in the ledger. What is asked and how answers are recorded is the business of `llm`; whether a
translation is right is that of `checks`.
"""
