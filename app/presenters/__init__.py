"""Cases -> HTML. Pure: no Gradio, no database, no model; everything from outside is escaped.

- rows: the worklist
- viewer: the picture with its layers
- panel: findings, report, decision, earlier visits, similar cases of one case
- operating: what an operating point does
- audit: the audit page
- rendering: templates, pictures as data addresses
"""
