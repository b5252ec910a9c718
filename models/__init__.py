"""The generator of src/daypass/wire/models and offered.json: `make models`. Never imported by daypass itself."""
