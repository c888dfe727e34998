"""The operations of the Blob service's REST API, one function each; `data_plane` says which request runs which."""
