"""Stage 5: what a CRD and its webhooks declare, held against what the API server answered.

answers     what the checks share
validation  API-011
contents    API-018, API-019
parts       API-017, API-020, API-021
webhooks    WEB-003, WEB-004, WEB-008
versions    WEB-006
status      STA-007
"""
