"""Pure state machines as tables: task, instance, attempt, node, heat request. Events in, instructions out."""
