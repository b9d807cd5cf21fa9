"""The pages: server-rendered, working without scripts, deciding nothing on a GET."""
