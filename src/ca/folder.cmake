airtight_embed(airtight_ca ca_schema ${CMAKE_SOURCE_DIR}/schema/ca.sql)
