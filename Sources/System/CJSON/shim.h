// json-c: JSON text.
#include <json-c/json.h>
