"""So many jobs `true` that do not wait for each other."""

import os

from airflow.providers.standard.operators.bash import BashOperator
from airflow.sdk import DAG

JOBS = int(os.environ["PEER_JOBS"])

with DAG("independent", schedule=None, max_active_tasks=JOBS):
    for number in range(JOBS):
        BashOperator(task_id=f"p{number}", bash_command="true")
