// libarchive: tar and zip archives.
#include <archive.h>
#include <archive_entry.h>
