"""Kubeconfigs, the API client and the raw watch receiver.

kubeconfig  which cluster and who we are, with every mistake's line; its parts are configfile
            (YAML), users, execplugin, certificates, proxies
connection  credentials -> pool of sockets, channels that another thread may cut
exchange    one request, tried again only where that can't do harm
status      what the server says when it refuses, as ApiError
discovery   which resources are served
client      KubeClient: objects as plain dicts
watch       Watch and await_object: events stamped at arrival
"""
