"""From a configuration file to a stored result: schema, sweep, runner, run folder."""
