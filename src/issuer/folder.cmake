airtight_embed(airtight_issuer issuer_files ${CMAKE_SOURCE_DIR}/schema/issuer.sql ${CMAKE_SOURCE_DIR}/src/issuer/issuer.toml)
