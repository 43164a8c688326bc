# amic_embed(TARGET FILE SYMBOL): adds `extern unsigned char const SYMBOL[]` and `SYMBOL_size`, the bytes of
# FILE, to TARGET. For small data that the program can't do without.
function(amic_embed target file symbol)
  set(source ${CMAKE_BINARY_DIR}/embedded/${symbol}.cc)
  set_property(DIRECTORY APPEND PROPERTY CMAKE_CONFIGURE_DEPENDS ${file})
  file(READ ${file} hex HEX)
  string(REGEX REPLACE "([0-9a-f][0-9a-f])" "0x\\1," bytes "${hex}")
  string(CONCAT text "extern unsigned char const ${symbol}[];\nextern unsigned long const ${symbol}_size;\n"
                     "unsigned char const ${symbol}[] = {${bytes}};\n"
                     "unsigned long const ${symbol}_size = sizeof ${symbol};\n")
  file(CONFIGURE OUTPUT ${source} CONTENT "${text}" @ONLY)
  target_sources(${target} PRIVATE ${source})
endfunction()
