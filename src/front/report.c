/* <cairn/report.h> */
#include "core/report.h"

#include "base/compiler.h"

CAIRN_EXPORT void cairn_on_finding(cairn_finding_handler *handler, void *context) {
    report_set_handler(handler, context);
}
