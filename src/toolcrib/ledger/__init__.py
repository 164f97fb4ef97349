"""What was asked and what came of it: executions and events, the generation of each workspace, who owns a running call."""
