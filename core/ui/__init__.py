"""What the pages share and only they use. The only part of ``core`` that imports streamlit."""
