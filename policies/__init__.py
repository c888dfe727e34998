"""What a stack may declare: rules, Azure's own verdict, and what it costs. Types are strings here."""
