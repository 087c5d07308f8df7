"""The grammar files, as the installed library reads them."""
