// The predefined extensions of STIX 2.1 section 6.
#include "stix/internal/common.h"

namespace amic::stix::internal {
namespace {

using std::string_view;

constexpr std::array<string_view, 2> kFiles{"file", "directory"};
constexpr std::array<string_view, 1> kFileOnly{"file"};
constexpr std::array<string_view, 1> kArtifactOnly{"artifact"};
constexpr std::array<string_view, 8> kAddressFamilies{"AF_UNSPEC",    "AF_INET",    "AF_IPX",
                                                      "AF_APPLETALK", "AF_NETBIOS", "AF_INET6",
                                                      "AF_IRDA",      "AF_BTH"};
constexpr std::array<string_view, 5> kSocketTypes{"SOCK_STREAM", "SOCK_DGRAM", "SOCK_RAW",
                                                  "SOCK_RDM", "SOCK_SEQPACKET"};
constexpr std::array<string_view, 4> kIntegrityLevels{"low", "medium", "high", "system"};
constexpr std::array<string_view, 5> kStartTypes{"SERVICE_AUTO_START", "SERVICE_BOOT_START",
                                                 "SERVICE_DEMAND_START", "SERVICE_DISABLED",
                                                 "SERVICE_SYSTEM_ALERT"};
constexpr std::array<string_view, 4> kServiceTypes{
    "SERVICE_KERNEL_DRIVER", "SERVICE_FILE_SYSTEM_DRIVER", "SERVICE_WIN32_OWN_PROCESS",
    "SERVICE_WIN32_SHARE_PROCESS"};
constexpr std::array<string_view, 7> kServiceStates{
    "SERVICE_CONTINUE_PENDING", "SERVICE_PAUSE_PENDING", "SERVICE_PAUSED", "SERVICE_RUNNING",
    "SERVICE_START_PENDING",    "SERVICE_STOP_PENDING",  "SERVICE_STOPPED"};

constexpr std::array<Rule, 1> kNotEmpty{any_own()};

constexpr auto kArchiveProperties =
    sorted(props(need(list(ref("contains_refs", kFiles))), text("comment")));
constexpr Shape kArchive{"6.7.2", kArchiveProperties};

constexpr auto kStreamProperties =
    sorted(props(need(text("name")), of(Kind::kHashes, "hashes"), natural("size")));
constexpr Shape kStream{"6.7.3", kStreamProperties};
constexpr auto kNtfsProperties =
    sorted(props(text("sid"), list(embed("alternate_data_streams", kStream))));
constexpr Shape kNtfs{"6.7.3", kNtfsProperties, kNotEmpty};

constexpr auto kPdfProperties =
    sorted(props(text("version"), flag("is_optimized"), of(Kind::kDictionary, "document_info_dict"),
                 text("pdfid0"), text("pdfid1")));
constexpr Shape kPdf{"6.7.4", kPdfProperties, kNotEmpty};

constexpr auto kRasterProperties =
    sorted(props(integer("image_height"), integer("image_width"), integer("bits_per_pixel"),
                 of(Kind::kDictionary, "exif_tags")));
constexpr Shape kRaster{"6.7.5", kRasterProperties, kNotEmpty};

constexpr auto kPeOptionalProperties = sorted(props(
    hex("magic_hex"), integer("major_linker_version"), integer("minor_linker_version"),
    natural("size_of_code"), natural("size_of_initialized_data"),
    natural("size_of_uninitialized_data"), integer("address_of_entry_point"),
    integer("base_of_code"), integer("base_of_data"), integer("image_base"),
    integer("section_alignment"), integer("file_alignment"), integer("major_os_version"),
    integer("minor_os_version"), integer("major_image_version"), integer("minor_image_version"),
    integer("major_subsystem_version"), integer("minor_subsystem_version"),
    hex("win32_version_value_hex"), natural("size_of_image"), natural("size_of_headers"),
    hex("checksum_hex"), hex("subsystem_hex"), hex("dll_characteristics_hex"),
    natural("size_of_stack_reserve"), natural("size_of_stack_commit"),
    natural("size_of_heap_reserve"), natural("size_of_heap_commit"), hex("loader_flags_hex"),
    integer("number_of_rva_and_sizes"), of(Kind::kHashes, "hashes")));
constexpr Shape kPeOptional{"6.7.6", kPeOptionalProperties, kNotEmpty};
constexpr auto kPeSectionProperties = sorted(props(
    need(text("name")), natural("size"), number("entropy", 0, 8), of(Kind::kHashes, "hashes")));
constexpr Shape kPeSection{"6.7.6", kPeSectionProperties};
constexpr auto kPeProperties = sorted(
    props(need(text("pe_type")), text("imphash"), hex("machine_hex"), natural("number_of_sections"),
          time("time_date_stamp"), hex("pointer_to_symbol_table_hex"), natural("number_of_symbols"),
          natural("size_of_optional_header"), hex("characteristics_hex"),
          of(Kind::kHashes, "file_header_hashes"), embed("optional_header", kPeOptional),
          list(embed("sections", kPeSection))));
constexpr Shape kPe{"6.7.6", kPeProperties, kNotEmpty};

constexpr auto kHttpProperties =
    sorted(props(need(text("request_method")), need(text("request_value")), text("request_version"),
                 of(Kind::kDictionary, "request_header"), integer("message_body_length"),
                 ref("message_body_data_ref", kArtifactOnly)));
constexpr Shape kHttp{"6.12.2", kHttpProperties};
constexpr auto kIcmpProperties =
    sorted(props(need(hex("icmp_type_hex")), need(hex("icmp_code_hex"))));
constexpr Shape kIcmp{"6.12.3", kIcmpProperties};
constexpr auto kSocketProperties = sorted(props(
    need(one_of("address_family", kAddressFamilies)), flag("is_blocking"), flag("is_listening"),
    of(Kind::kDictionary, "options"), one_of("socket_type", kSocketTypes),
    natural("socket_descriptor"), integer("socket_handle")));
constexpr Shape kSocket{"6.12.4", kSocketProperties};
constexpr auto kTcpProperties = sorted(props(hex("src_flags_hex"), hex("dst_flags_hex")));
constexpr Shape kTcp{"6.12.5", kTcpProperties, kNotEmpty};

// The name of the window's title is window_title in the property lists of other implementations.
constexpr auto kWindowsProcessProperties =
    sorted(props(flag("aslr_enabled"), flag("dep_enabled"), text("priority"), text("owner_sid"),
                 text("window_title"), text("windows_title"), of(Kind::kDictionary, "startup_info"),
                 one_of("integrity_level", kIntegrityLevels)));
constexpr Shape kWindowsProcess{"6.13.2", kWindowsProcessProperties, kNotEmpty};
constexpr auto kWindowsServiceProperties = sorted(props(
    text("service_name"), list(text("descriptions")), text("display_name"), text("group_name"),
    one_of("start_type", kStartTypes), list(ref("service_dll_refs", kFileOnly)),
    one_of("service_type", kServiceTypes), one_of("service_status", kServiceStates)));
constexpr Shape kWindowsService{"6.13.3", kWindowsServiceProperties, kNotEmpty};

constexpr auto kUnixAccountProperties =
    sorted(props(integer("gid"), list(text("groups")), text("home_dir"), text("shell")));
constexpr Shape kUnixAccount{"6.16.2", kUnixAccountProperties, kNotEmpty};

constexpr Extension kFileExtensions[] = {{"archive-ext", &kArchive},
                                         {"ntfs-ext", &kNtfs},
                                         {"pdf-ext", &kPdf},
                                         {"raster-image-ext", &kRaster},
                                         {"windows-pebinary-ext", &kPe}};
constexpr Extension kNetworkExtensions[] = {{"http-request-ext", &kHttp},
                                            {"icmp-ext", &kIcmp},
                                            {"socket-ext", &kSocket},
                                            {"tcp-ext", &kTcp}};
constexpr Extension kProcessExtensions[] = {{"windows-process-ext", &kWindowsProcess},
                                            {"windows-service-ext", &kWindowsService}};
constexpr Extension kAccountExtensions[] = {{"unix-account-ext", &kUnixAccount}};

}  // namespace

std::span<Extension const> file_extensions() {
  return kFileExtensions;
}
std::span<Extension const> network_extensions() {
  return kNetworkExtensions;
}
std::span<Extension const> process_extensions() {
  return kProcessExtensions;
}
std::span<Extension const> account_extensions() {
  return kAccountExtensions;
}

}  // namespace amic::stix::internal
