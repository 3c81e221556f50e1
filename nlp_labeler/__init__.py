"""Report text -> findings with evidence. See ``nlp_labeler.labeler`` for the entry point."""
