// What a test's server takes for the agent that it ships: newer than every device of a test, and never run by one.
process.stdout.write('{"version":"9.0.0","updatesFrom":"0.1.0"}')
