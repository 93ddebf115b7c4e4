"""A policy on a robot: camera pictures and the robot's state in, an action with units out; in this process or over a websocket."""
