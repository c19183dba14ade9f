#include "manifest/dockerfile.h"
