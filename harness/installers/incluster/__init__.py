"""Stage 3: the operator in its Pod, as its users deploy it.

installer   the order of it all: image, manifests, waits, uninstall
preparing   what is changed in the manifests: image, pull policy, certificates
helm        a release by `helm install`, and its end
scenes      what is there of a Deployment: Pods, events, logs
causes      why it isn't available: the first cause, from a scene alone
waiting     until it's available, leads, and its webhooks answer
forwarding  ports of this machine that lead to its Pods
control     restarts, scales and awaits it, from any process of the run
"""
