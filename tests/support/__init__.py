"""What the tests stand on: a real PostgreSQL, a real server process, a scripted upstream, a small client. Import from its modules."""
