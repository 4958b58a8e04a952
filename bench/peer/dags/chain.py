"""So many jobs in a row, each of which writes the time."""

import os

from airflow.providers.standard.operators.bash import BashOperator
from airflow.sdk import DAG

WRITE = f"date +%s%N >> '{os.environ['PEER_TIMES']}'"

with DAG("chain", schedule=None):
    last = None
    for number in range(int(os.environ["PEER_CHAIN"])):
        this = BashOperator(task_id=f"p{number}", bash_command=WRITE)
        if last is not None:
            last >> this
        last = this
