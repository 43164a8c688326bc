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

# amic_web(TARGET): builds web/ (needs node and npm) and adds it to TARGET. AMIC_WEB=OFF: the program has no
# web face, only its API.
option(AMIC_WEB "Build and embed the web face" ON)
function(amic_web target)
  set(out ${CMAKE_BINARY_DIR}/web)
  if(AMIC_WEB)
    find_program(NPM npm REQUIRED)
    file(GLOB_RECURSE sources CONFIGURE_DEPENDS ${CMAKE_SOURCE_DIR}/web/src/*)
    list(APPEND sources ${CMAKE_SOURCE_DIR}/web/index.html ${CMAKE_SOURCE_DIR}/web/package-lock.json
         ${CMAKE_SOURCE_DIR}/web/vite.config.ts ${CMAKE_SOURCE_DIR}/web/tsconfig.json
         ${CMAKE_SOURCE_DIR}/web/pack.mjs ${CMAKE_SOURCE_DIR}/web/build.sh)
    add_custom_command(OUTPUT ${out}/web_assets_data.cc COMMAND ${CMAKE_SOURCE_DIR}/web/build.sh ${out}
                       DEPENDS ${sources} COMMENT "Building the web face" VERBATIM)
  else()
    file(CONFIGURE OUTPUT ${out}/web_assets_data.cc CONTENT
         "#include \"api/web_assets.h\"\nnamespace amic::api {\nstd::span<WebAsset const> web_assets() { return {}; }\n}\n")
  endif()
  target_sources(${target} PRIVATE ${out}/web_assets_data.cc)
endfunction()
