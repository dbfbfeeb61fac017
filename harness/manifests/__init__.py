"""Manifests as Kubernetes objects, wherever they come from; needed by several stages.

sources     files, a kustomization or a chart to objects
documents   YAML as Kubernetes reads it, with every problem at its line
shapes      what an object of a known kind must look like
validation  whether an object fits the schema of its CRD
secrecy     Secrets without their values
objects     reading objects as plain JSON
"""
