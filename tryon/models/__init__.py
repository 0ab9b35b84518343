"""Network definitions: plain torch modules, imported only where torch is wanted."""
