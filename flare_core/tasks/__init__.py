"""What to do and how it is judged: tasks, episodes, goal words, metrics and the expert."""
