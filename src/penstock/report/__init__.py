"""Values to pages: JSON, text, tables and pictures of results. Nothing here decides who pays."""
