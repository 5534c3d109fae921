airtight_embed(airtight_sks sks_schema ${CMAKE_SOURCE_DIR}/schema/sks.sql)
