"""The rig that tests stand on: a real server process, a test identity provider, the network guard, the search for leaked secrets."""
