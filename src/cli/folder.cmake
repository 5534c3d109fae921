target_compile_definitions(airtight_cli PRIVATE AIRTIGHT_VERSION="${PROJECT_VERSION}")
