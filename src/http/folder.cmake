# g++ 12 takes the frame allocator of Asio's coroutines for a mismatch of new and free.
target_compile_options(airtight_http PRIVATE -Wno-mismatched-new-delete)
