airtight_embed(airtight_keygen2 keygen2_schema
  ${CMAKE_SOURCE_DIR}/schema/keygen2.xsd ${CMAKE_SOURCE_DIR}/schema/xmldsig.xsd ${CMAKE_SOURCE_DIR}/schema/xmldsig11.xsd)
