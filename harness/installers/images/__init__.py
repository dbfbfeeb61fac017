"""Stage 3: the operator's image, where pods really run and no registry has it.

binary      what an ELF file says of itself: static or not, for which architecture
archive     a docker-archive of one file, written without Docker
dockerfile  what a Dockerfile says, and `docker build`
choosing    which of these makes the image of a workload
"""
