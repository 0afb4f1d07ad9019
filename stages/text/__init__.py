"""Writing systems and pronunciation, which the checks and the span projection share: what is kana, Han or Latin, how shapes
of Han characters fold into each other, how Japanese and Chinese words are read, and when two names sound alike. Nothing
here knows a record, and nothing decides whether a translation is good.
"""
