"""Altair builders and the one theme: records in, chart out. No streamlit, no torch."""
