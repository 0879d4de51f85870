"""Collection on a Ray cluster: blocks are tasks, workers write their shards, the driver has them.

`connection` joins a cluster, `fitness` asks its nodes whether they can do the work, `blocks` hands
blocks out and takes them in, `worker` is what a worker does. Ray is imported by `connect` first.
"""
