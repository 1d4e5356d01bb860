"""The query language of CloudWatch Logs Insights: text in, commands out. Pure.

tokens ──▶ expressions ──▶ commands (see syntax.py for what they are)
"""
