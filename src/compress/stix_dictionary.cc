#include "compress/compress.h"

extern unsigned char const amic_stix_dictionary_1[];
extern unsigned long const amic_stix_dictionary_1_size;

namespace amic::compress {

Dictionary const& stix_dictionary_1() {
  static Dictionary const dictionary(
      to_bytes(BytesView(amic_stix_dictionary_1, amic_stix_dictionary_1_size)));
  return dictionary;
}

}  // namespace amic::compress
